"""Params of the `export` stage."""

from typing import Literal

from pydantic import Field

from fbnet.params.base import Section

VariantName = Literal["mnn", "mnn_fp16", "mnn_int8", "ncnn", "ncnn_fp16", "onnx_int8"]


class ExportParams(Section):
    """ONNX file and its score on the test faces, and its variants."""

    opset: int = Field(18, ge=18, le=23)
    """ONNX opset; 18 is the least that torch's exporter writes."""
    parity_tolerance: float = Field(1e-5, gt=0, le=1e-2)
    """Largest difference from the torch net, in units of the crop; beyond it nothing is written."""
    parity_faces: int = Field(32, ge=1)
    """Test faces on which the two are compared."""
    variants: tuple[VariantName, ...] = (
        "mnn",
        "mnn_fp16",
        "mnn_int8",
        "ncnn",
        "ncnn_fp16",
        "onnx_int8",
    )
    """Files for other engines and in fewer bits; those that fail their tolerance are left out."""
    nme_tolerance: float = Field(0.02, ge=0, le=1)
    """Relative growth of the test NME that fewer bits may cost; fp32 has `parity_tolerance`."""
    calibration_faces: int = Field(256, ge=1)
    """Training faces from which the int8 scales are taken."""
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
