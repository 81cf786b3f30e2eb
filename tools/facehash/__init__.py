"""`bin/facehash`: the classifiers of the keys, and the statistics of strangers that they are calibrated with."""
