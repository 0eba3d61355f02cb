"""Landmarks on pictures and videos by an ONNX file alone: cropped, predicted, drawn, written."""

from fbnet.predict.run import PRETRAINED, predict

__all__ = ["PRETRAINED", "predict"]
