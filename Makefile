.PHONY: test lint fix all

test:  ## README's test command, and the JavaScript's
	python -m pytest
	npm test

lint:  ## what .ci/run checks without running anything
	python -m ruff format --check .
	python -m ruff check .
	python -m mypy vae
	npm run format && npm run lint && npm run types

fix:  ## format and mend what can be mended by itself
	python -m ruff check --fix .
	python -m ruff format .
	npm run fix

all:  ## everything that must hold before a change lands
	bash .ci/run
