/**
 * What every implementation of Database promises. Each test builds the layer anew, and finds it empty.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Database } from "../../src/game/Database.js"
import { contract as balances } from "./database/Balances.js"
import type { Test } from "./database/fixtures.js"
import { contract as games } from "./database/Games.js"
import { contract as users } from "./database/Users.js"

export const suite = (name: string, layer: Layer.Layer<Database, unknown>, skipReason?: string) =>
  describe.skipIf(skipReason !== undefined)(
    skipReason === undefined ? name : `${name} (skipped: ${skipReason})`,
    () => {
      const test: Test = (title, body) => it.effect(title, () => Effect.provide(body, layer))
      users(test)
      balances(test)
      games(test)
    }
  )
