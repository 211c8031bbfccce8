.PHONY: test lint fix all

test:  ## README's test command
	python -m pytest

lint:  ## what .ci/run checks without running anything
	python -m ruff format --check .
	python -m ruff check .
	if grep -q '^\[tool\.mypy\]' pyproject.toml; then python -m mypy vae; fi
	if [ -f package.json ]; then npm run lint && npm run types; fi

fix:  ## format and mend what can be mended by itself
	python -m ruff check --fix .
	python -m ruff format .
	if [ -f package.json ]; then npx prettier --write "vae/ui/static/**/*.{js,css}"; fi

all:  ## everything that must hold before a change lands
	bash .ci/run
