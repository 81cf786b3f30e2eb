"""A whole folder of people into the server's store, on this machine or on a Ray cluster: `bin/enrol-folder`."""
