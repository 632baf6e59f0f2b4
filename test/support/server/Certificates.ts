/**
 * A certificate authority of a test's own, and what it signed, in a directory that goes with the scope.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"

const openssl = (directory: string, ...args: ReadonlyArray<string>) =>
  execFileSync("openssl", args, { cwd: directory, stdio: "ignore" })

/** A certificate for `localhost` and 127.0.0.1, its key, the authority that signed it and one that did not. */
export const make = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "certificates-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  ),
  (directory) => {
    const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    for (const name of ["ca", "other"]) {
      const subject = ["-subj", `/CN=${name}`]
      openssl(directory, "req", "-x509", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.pem`, ...subject)
    }
    const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"]
    openssl(directory, "req", "-x509", ...newKey, ...signed, ...names)
    const path = (name: string) => join(directory, name)
    return { certificate: path("server.pem"), key: path("server.key"), ca: path("ca.pem"), otherCa: path("other.pem") }
  }
)
