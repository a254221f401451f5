"""Routes of models: the catalogues of the clusters, and what jobs left."""
