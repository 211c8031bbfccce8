"""Latent Explorer's library: train, load, measure and look into variational autoencoders."""

from importlib import import_module

__version__ = "0.2.0"

_HOME = {
    "VAE": "model",
    "ModelConfig": "config",
    "TrainConfig": "config",
    "RECIPES": "recipes",
    "DATASETS": "data.sets",
    "ImageSet": "data.sets",
    "load_split": "data.load",
    "fit": "train",
    "evaluate": "evaluate",
    "load_model": "folders.folder",
    "list_models": "folders.folder",
    "Explorer": "explorer",
    "VAEError": "errors",
}
__all__ = list(_HOME)


def __getattr__(
    name: str,
):  # PEP 562: `import vae` stays instant, torch is imported with the first name that needs it
    if name in _HOME:
        return getattr(import_module(f"vae.{_HOME[name]}"), name)
    raise AttributeError(f"module 'vae' has no attribute {name!r}; it exports {', '.join(__all__)}")


def __dir__():
    return sorted(__all__)
