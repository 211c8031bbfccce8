"""What carries the page over HTTP: files, guards, and all that we change in Gradio."""
