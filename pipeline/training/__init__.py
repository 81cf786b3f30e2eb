"""Making the project's own networks: data, simulation, training and measurement. Nothing here runs in the server."""
