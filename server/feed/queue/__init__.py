"""The queue of each cluster in the server's memory: places, forecasts and what jobs wait for."""
