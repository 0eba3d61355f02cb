"""Faces: `prepare` reads or renders a data set to a `FaceSet` of crops with landmarks and pose.

readers: one module a layout of data sets. synthetic: the renderer. crop, pose, split: geometry,
head pose and split of faces. faceset: the arrays on disk.
"""
