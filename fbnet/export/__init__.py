"""From a trained net to files: ONNX, and its variants in other engines and in fewer bits."""
