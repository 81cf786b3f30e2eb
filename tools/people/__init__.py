"""Commands about the people who are enrolled."""
