/** The tables of the read models: disposable all together, never one without the others. */
export const READ_MODEL_TABLES = ['effects', 'attachments', 'attempts', 'checkpoints'] as const;

/** The projections that fill them, by the names of their checkpoints. */
export const READ_MODELS = ['effects', 'attachments'] as const;
