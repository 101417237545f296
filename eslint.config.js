import neostandard from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: ['dist', 'data', '.tap', 'node_modules'] }),
  {
    rules: {
      '@stylistic/max-len': ['error', { code: 120, ignoreUrls: true, ignoreStrings: true, ignoreTemplateLiterals: true }],
      'no-void': 'off',
    },
  },
]
