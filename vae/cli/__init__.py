"""The commands of the command line, a module for each kind; `vae/__main__.py` puts them together."""
