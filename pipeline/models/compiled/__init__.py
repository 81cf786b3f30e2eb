"""Recognition networks whose convolutions are compiled here, for the processor at hand; see `network`."""
