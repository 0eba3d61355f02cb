"""Params of the `export` stage."""

from pydantic import Field

from fbnet.params.base import Section


class ExportParams(Section):
    """ONNX file and its score on the test faces."""

    opset: int = Field(18, ge=18, le=23)
    """ONNX opset; 18 is the least that torch's exporter writes."""
    parity_tolerance: float = Field(1e-5, gt=0, le=1e-2)
    """Largest difference from the torch net, in units of the crop; beyond it nothing is written."""
    parity_faces: int = Field(32, ge=1)
    """Test faces on which the two are compared."""
    threads: int = Field(1, ge=1)
    """Threads of onnxruntime while scoring; the last digits depend on them."""
    batch: int = Field(64, ge=1)
    """Faces scored at once."""
    jitter: float = Field(0.1, ge=0, le=0.5)
    """`nme_jitter`: crops moved by up to this share of their side and scaled by up to 1 +- it."""
    seed: int = Field(1, ge=0)
    """Draws of the jitter."""
    pictures: int = Field(24, ge=1, le=100)
    """Faces in faces.png and in worst.png."""
