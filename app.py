"""`python app.py` opens the page, as `latent-explorer serve` does; `python app.py --help` says what can be set."""

from vae.__main__ import open_page

if __name__ == "__main__":
    open_page()
