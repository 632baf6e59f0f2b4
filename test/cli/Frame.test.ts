import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as RunCli from "../support/cli/RunCli.js"

const nowhere = { REDIS_URL: "redis://127.0.0.1:1" }

describe("effect-cache", () => {
  it.live("explains each subcommand with --help, and ends with 0", () =>
    Effect.gen(function* () {
      const { exitCode, out } = yield* RunCli.run({}, "--help")
      expect(exitCode).toBe(0)
      const commands = [
        "doctor",
        "inspect",
        "invalidate",
        "clear",
        "tags",
        "warm",
        "top",
        "bench",
        "locks",
        "locks reset",
        "limits",
        "limits reset"
      ]
      for (const command of commands) {
        expect(out.join("\n")).toContain(`- ${command.split(" ")[0]}`)
        const help = yield* RunCli.run({}, ...command.split(" "), "--help")
        expect(help.exitCode).toBe(0)
        expect(help.all).toContain("--json")
        expect(help.all).toContain("DESCRIPTION")
      }
    })
  )

  it.live("writes completions for bash, zsh and fish that know the subcommands", () =>
    Effect.gen(function* () {
      for (const shell of ["bash", "zsh", "fish"]) {
        const { all, exitCode } = yield* RunCli.run({}, "--completions", shell)
        expect(exitCode).toBe(0)
        expect(all).toContain("doctor")
      }
    })
  )

  it.live("ends with 2 for an unknown subcommand, an unknown option, and variables that cannot be right", () =>
    Effect.gen(function* () {
      expect((yield* RunCli.run(nowhere, "nothing")).exitCode).toBe(2)
      expect((yield* RunCli.run(nowhere, "doctor", "--nothing")).exitCode).toBe(2)

      const unset = yield* RunCli.run({}, "doctor")
      expect(unset.exitCode).toBe(2)
      expect(unset.err).toEqual([expect.stringContaining("no server is named: set REDIS_URL")])

      const wrong = yield* RunCli.run({ REDIS_HOST: "localhost", REDIS_PORT: "many" }, "doctor")
      expect(wrong.exitCode).toBe(2)
      expect(wrong.err).toEqual([expect.stringContaining("REDIS_PORT")])

      const off = yield* RunCli.run({ REDIS_ENABLED: "false" }, "doctor")
      expect(off.exitCode).toBe(2)
      expect(off.err).toEqual([expect.stringContaining("REDIS_ENABLED=false")])
    })
  )

  it.live("prints failures as JSON with --json, and nothing beside it", () =>
    Effect.gen(function* () {
      const output = yield* RunCli.run({}, "doctor", "--json")
      expect(output.err).toEqual([])
      expect(RunCli.json(output)).toEqual({
        error: { exitCode: 2, message: expect.stringContaining("no server is named") }
      })
    })
  )

  it.live("prints no colours where the output is no terminal", () =>
    Effect.gen(function* () {
      const { all } = yield* RunCli.run({}, "--help")
      expect(all).not.toContain("\u001b")
    })
  )
})
