"""The small net, its ONNX file and its faces."""

from tests.small_net import exported, faces, images, net

__all__ = ["exported", "faces", "images", "net"]
