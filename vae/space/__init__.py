"""The geometry of a latent space: charts, neighbours, paths. numpy only; scipy and umap are imported inside functions."""
