"""Draws the console's sample photos: a person who does not exist, so that the photos are nobody's."""
