import { defineConfig } from "vitest/config";

// tests/web_client/test_scenarios.py starts the server of the scenarios, one file after the other.
export default defineConfig({
  test: {
    include: ["scenarios/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
