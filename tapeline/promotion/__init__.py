"""Gates, the bundle and its verdict. The only room with onnxruntime."""
