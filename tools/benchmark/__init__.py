"""What `bin/bench` measures: the product against named peers, in one run, interleaved, as ratios."""
