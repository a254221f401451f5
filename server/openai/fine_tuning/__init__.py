"""Fine-tuning jobs of OpenAI's API: jobs of kind `train`, in its words."""
