"""The evaluation as one page: what is drawn, how it is drawn, and the page itself."""
