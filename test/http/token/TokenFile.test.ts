import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as ApiToken from "../../../src/http/token/ApiToken.js"
import * as TokenFile from "../../../src/http/token/TokenFile.js"
import * as CapturedLog from "../../support/CapturedLog.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "toolkit-token-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)

describe("the file of the API token", () => {
  it.scoped("is made with its directory at the first start, for its owner alone, and read at the next", () =>
    Effect.gen(function* () {
      const path = join(yield* directory, "data", "api-token")
      const first = yield* TokenFile.readOrMake(path)
      expect(first.found).toBe("Made")
      expect(Redacted.value(first.token)).toMatch(/^[\w-]{43}$/)
      expect(mode(path)).toBe("600")
      expect(readFileSync(path, "utf8")).toBe(`${Redacted.value(first.token)}\n`)
      const second = yield* TokenFile.readOrMake(path)
      expect(second).toEqual({ token: first.token, found: "Kept" })
      expect(readdirSync(join(path, ".."))).toEqual(["api-token"])
    })
  )

  it.scoped("is one for all processes that start at once, and none reads a part of it", () =>
    Effect.gen(function* () {
      const path = join(yield* directory, "api-token")
      const kept = yield* Effect.replicateEffect(TokenFile.readOrMake(path), 20, { concurrency: "unbounded" })
      expect(new Set(kept.map(({ token }) => Redacted.value(token))).size).toBe(1)
      expect(kept.filter(({ found }) => found === "Made")).toHaveLength(1)
      expect(readdirSync(join(path, ".."))).toEqual(["api-token"])
    })
  )

  it.scoped("loses a mode that lets others read it", () =>
    Effect.gen(function* () {
      const path = join(yield* directory, "api-token")
      const { token } = yield* TokenFile.readOrMake(path)
      for (const loose of [0o644, 0o640, 0o602]) {
        chmodSync(path, loose)
        expect(yield* TokenFile.readOrMake(path)).toEqual({ token, found: "Exposed" })
        expect(mode(path)).toBe("600")
      }
    })
  )

  it.scoped("is rejected, and named, when it is empty, no file, a link elsewhere or cannot be made", () =>
    Effect.gen(function* () {
      const root = yield* directory
      writeFileSync(join(root, "empty"), "\n", { mode: 0o600 })
      writeFileSync(join(root, "words"), "open sesame\n", { mode: 0o600 })
      mkdirSync(join(root, "folder"), { mode: 0o700 })
      symlinkSync(join(root, "words"), join(root, "link"))
      for (const [name, says] of [
        ["empty", /empty.*holds no token/],
        ["words", /words.*holds no token/],
        ["folder", /folder.*is no regular file/],
        ["link", /link.*cannot be read \(ELOOP\)/],
        ["words/below", /below.*\(ENOTDIR\)/]
      ] as const) {
        const error = yield* Effect.flip(TokenFile.readOrMake(join(root, name)))
        expect(error.message).toMatch(says)
        expect(error.message).toMatch(/^API_TOKEN is not set/)
        expect(error.message).not.toMatch(/sesame/)
      }
    })
  )
})

describe("the token of the server", () => {
  const build = (settings: Record<string, string>) =>
    Effect.gen(function* () {
      const { layer, lines } = yield* CapturedLog.make
      yield* Layer.build(ApiToken.layerConfig).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(settings)))),
        Effect.provide(layer)
      )
      return lines.map(({ text }) => text).join("\n")
    })

  it.scoped("is kept beside the database when none is configured, and the log names the file but never shows it", () =>
    Effect.gen(function* () {
      const root = yield* directory
      const log = yield* build({ DATABASE_URL: `sqlite:${join(root, "game.db")}` })
      const path = join(root, "api-token")
      expect(log).toContain(`curl --oauth2-bearer $(cat ${path})`)
      expect(log).not.toContain(readFileSync(path, "utf8").trim())
      chmodSync(path, 0o644)
      expect(yield* build({ DATABASE_URL: `sqlite:${join(root, "game.db")}` })).toMatch(/other users .* 0600 now/)
    })
  )

  it.scoped("is API_TOKEN or the content of API_TOKEN_FILE where one is set, and no file is made", () =>
    Effect.gen(function* () {
      const root = yield* directory
      writeFileSync(join(root, "secret"), "sesame\n")
      for (const settings of [{ API_TOKEN: "sesame" }, { API_TOKEN_FILE: join(root, "secret") }]) {
        const log = yield* build({ DATABASE_URL: `sqlite:${join(root, "game.db")}`, ...settings })
        expect(log).toMatch(/API_TOKEN/)
        expect(log).not.toMatch(/sesame/)
      }
      expect(existsSync(join(root, "api-token"))).toBe(false)
    })
  )
})
