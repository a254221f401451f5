"""The operator's side of packtrain: start the service, tokens, the image, clusters trusted and examined."""
