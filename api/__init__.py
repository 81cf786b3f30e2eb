"""HTTP and nothing else: a module parses a request, calls a flow and puts the answer into its envelope."""
