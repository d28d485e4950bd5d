"""Everything that talks to the API server. Knows nothing of AWS."""
