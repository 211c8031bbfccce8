.PHONY: test lint fix all

test:  ## README's test command, and the JavaScript's
	python -m pytest
	npm test

node_modules/.bin/prettier:  ## the JavaScript tools of package.json, where they are not installed yet
	npm install --no-audit --no-fund --no-package-lock

lint: node_modules/.bin/prettier  ## what .ci/run checks without running anything
	python -m ruff format --check .
	python -m ruff check .
	python -m mypy vae
	npm run format && npm run lint && npm run types

fix: node_modules/.bin/prettier  ## format and mend what can be mended by itself
	python -m ruff check --fix .
	python -m ruff format .
	npm run fix

all:  ## everything that must hold before a change lands
	bash .ci/run
