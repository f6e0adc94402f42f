import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    // CommonJS packages look to the tests as they look to Node.
    deps: { interopDefault: false },
  },
});
