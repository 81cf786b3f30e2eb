"""`bin/faceapp`: one command with everything that can be done from a terminal."""
