"""What people put among the model folders and is none: said with what it is and what to do."""

from __future__ import annotations

from pathlib import Path

from vae.errors import CheckpointError

PARTS = (".safetensors", ".json")  # a model folder's own files
TRAIN = "train the model with python -m vae train, which makes such a folder, or move the file away"
FOREIGN = {  # what people put among the models, by its suffix, and what to do with it
    (".pt", ".pth", ".pt2", ".ptl", ".ckpt", ".bin", ".jit"): ("a PyTorch checkpoint", TRAIN),
    (".h5", ".hdf5", ".keras", ".pb", ".tflite"): ("a Keras file", TRAIN),
    (".onnx",): ("an ONNX file", TRAIN),
    (".pkl", ".pickle", ".joblib", ".dill"): ("a pickle, which is never opened", TRAIN),
    (".npz", ".npy"): ("a NumPy file", TRAIN),
    (".gguf", ".ggml", ".msgpack", ".t7", ".pdparams", ".pdmodel", ".weights", ".caffemodel", ".mlmodel"): (
        "a model of another library",
        TRAIN,
    ),
    PARTS: (
        "one file of a model",
        "put it into a folder of its own with the others of that model",
    ),
    (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".tzst", ".lz4", ".7z", ".rar"): (
        "an archive",
        "unpack it, so that the model's folder lies here",
    ),
}
SET_ASIDE = (".bak", ".backup", ".old", ".orig", ".tmp", ".part", ".partial", ".download", ".crdownload")


def foreign_file(path: Path) -> CheckpointError | None:
    """Why a file among the model folders is none, where it looks as if it were meant as one."""
    if path.is_symlink() and not path.exists():
        return CheckpointError(
            f"{path} is a link that leads nowhere", "point it to a model folder, or remove it"
        )
    if not path.is_file():
        return None
    name = Path(path.name.lower().rstrip("~"))
    while name.suffix in SET_ASIDE:
        name = name.with_suffix("")
    for suffixes, (what, way) in FOREIGN.items():
        if name.suffix in suffixes:
            return CheckpointError(
                f"{path} is {what}, not a model folder (config.json, model.safetensors and their like)", way
            )
    return None


def not_a_model(path: Path) -> CheckpointError | None:
    """Why a folder without `config.json` is no model, where its content tells more than the missing file."""
    inside = sorted(path.iterdir())
    if (path / "config.json").exists():
        return None
    if any((child / "config.json").is_file() for child in inside):
        return CheckpointError(
            f"{path} holds model folders", f"move them up into {path.parent}, or name it by --models"
        )
    whole = (child for child in inside if child.suffix not in PARTS)
    return next((reason for reason in map(foreign_file, whole) if reason), None)
