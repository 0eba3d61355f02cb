"""From a trained net to files: ONNX, its variants in other engines and in fewer bits, metadata."""
