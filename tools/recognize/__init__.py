"""`bin/recognize`: who is seen in photos, videos and cameras, by the flows and models of the server."""
