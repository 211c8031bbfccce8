"""`python app.py` opens the page; `python app.py --help` says what can be set."""

from vae.ui.launch import main

if __name__ == "__main__":
    main()
