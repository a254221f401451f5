"""Program that serves a model in the training image: LLaMA-Factory's chat model behind an HTTP API of its own.

`python3 inside.pyz serve.program CONFIG RECORD ADDRESS`: listens on a free port of ADDRESS, and writes it to RECORD
once the model is loaded. The key of this start is in the environment, as API_KEY.
"""
