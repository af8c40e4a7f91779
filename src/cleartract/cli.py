"""Command line: parses, runs, and turns errors into one line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cleartract import __version__
from cleartract.errors import ClearTractError

EXIT_CODES = """exit codes:
  0  done
  2  wrong options
  3  recording missing, damaged or of an unsupported kind
  4  windows that cannot cover the recording
  5  weights missing, damaged or of another version
  6  result that may not or cannot be written
  7  corpus, run folder or optional extra missing or unusable
  130  interrupted; nothing is left under the final name"""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `cleartract`; returns the exit code."""
    import tyro

    from cleartract.commands.benchmark import Benchmark
    from cleartract.commands.demo import Demo
    from cleartract.commands.denoise import Denoise
    from cleartract.commands.evaluate import Evaluate
    from cleartract.commands.simulate import Simulate
    from cleartract.commands.train import Train

    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] in (["--version"], ["-V"]):
        print(f"cleartract {__version__}")
        return 0
    if not arguments:
        arguments = ["--help"]
    commands = {
        "denoise": Denoise,
        "evaluate": Evaluate,
        "benchmark": Benchmark,
        "simulate": Simulate,
        "train": Train,
        "demo": Demo,
    }
    command = tyro.extras.subcommand_cli_from_dict(
        commands,  # type: ignore[arg-type]
        prog="cleartract",
        description="Denoise real-time MRI video of speech.\n\n" + EXIT_CODES,
        args=arguments,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    try:
        command.run()
    except ClearTractError as error:
        print(f"cleartract: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"cleartract: {where}{error.strerror or error}", file=sys.stderr)
        return 6
    except KeyboardInterrupt:
        print("cleartract: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
