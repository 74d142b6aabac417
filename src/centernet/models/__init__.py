"""The networks: they hold the weights and know nothing of what their maps mean."""
