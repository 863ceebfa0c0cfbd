from pathlib import Path
from mindleaf.models.folder import load_model
def from_pretrained(source):
    return load_model(Path(source))
