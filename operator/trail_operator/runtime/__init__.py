"""Machinery that any operator needs. Knows neither Trails nor AWS nor Kubernetes."""
