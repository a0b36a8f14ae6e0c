"""`make build`, its second half: sam's build folder in, what is deployed out."""

import argparse
import subprocess
import sys
from pathlib import Path

from artifacts.build import make_artifacts
from artifacts.services import ServiceError
from local.template import TemplateError, load


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m artifacts", description=__doc__)
    parser.add_argument("plain", type=Path, help="what `sam build` left")
    parser.add_argument("target", type=Path, help="the artifacts; an old folder is replaced")
    parser.add_argument("--python", required=True, help="a Python of the runtime's minor version")
    arguments = parser.parse_args()
    try:
        template = load(arguments.plain / "template.yaml")
        make_artifacts(template, arguments.plain, arguments.target, python=arguments.python)
    except (TemplateError, ServiceError) as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"The byte code could not be made: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
