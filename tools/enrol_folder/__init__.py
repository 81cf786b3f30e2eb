"""`bin/enrol-folder`: enrols a folder of people into the server's store, on this machine or on a Ray cluster."""
