"""Who may what: callers, their keys and scopes, and how often they may ask. It knows no HTTP and no models."""
