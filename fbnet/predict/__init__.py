"""Inference and scoring of landmark models in ONNX files, with numpy, OpenCV and onnxruntime.

`interface`: what a model takes and gives. `model`: an ONNX file, opened. `crops`: where the face
is. `media`: pictures and videos on disk. `run`: landmarks of files. `score`: accuracy on faces.
"""
