"""The page: Gradio outside, our own components inside; asks `Explorer`, never torch."""
