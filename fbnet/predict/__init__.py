"""Inference and scoring of landmark models in ONNX files, with numpy, OpenCV and onnxruntime.

`interface`: what a model takes and gives. `model`: an ONNX file, opened. `crops`: where the face
is. `sources`: which files are looked at. `pictures`, `streams`: what is in them. `run`: landmarks
of files. `score`: accuracy on faces.
"""
