"""What nothing in this repository calls by its name, and is in use all the same: for `vulture`, which reads this file like a caller.

Take a line out when what it names goes. Add one only for what a library, a notebook or a command calls; what nobody calls is deleted.
"""

_ = object()

# Python's, IPython's and Jupyter's own hooks
(
    _.__getattr__,
    _._render_traceback_,
    _._repr_html_,
    _.get_code_name,
    _.write_output_prompt,
    _.compute_format_data,
    _.clear_output,
)
(
    _.time_once,
    _.set_up_the_shell,
    _.check_by_itself,
    _.conda,
    _.mamba,
    _.micromamba,
    _.uv,
    _.init_virtualenv,
    _.init_completer,
    _.Completer,
    _._tee,
    _.showtraceback,
)
_.showsyntaxerror, _._format_exception_for_storage, _.enable_gui, _.enable_matplotlib, _.ask_exit, _.system_piped, _.system_raw
_.compiler_class, _.displayhook_class, _.display_pub_class, _.encoding, _.protocol

# PyTorch's: what a blank refuses, what a network is read with, what the warm parent takes away
(
    _.__torch_function__,
    _.set_num_interop_threads,
    _.find_classes,
    _.record_stack_traces,
    _._placeholder,
    _._get_attr,
    _._call_module,
    _._output,
)

# ONNX Runtime's settings and its reader of calibration images
_.inter_op_num_threads, _.intra_op_num_threads, _.log_severity_level, _.graph_optimization_level, _.get_next

# nbgrader's: its settings, its database, the steps of a release
_.log_level, _.auto_comment, _.configure, _.preprocess_cell, _.cell_index, _.ShowRubric, _.enabled

# http.server's
_.daemon_threads, _.do_GET, _.do_POST, _.log_message

# Python's own: a module that is given another forward
_.__class__

# nbformat's
_.execution_count

# a field that only notebooks and JSON show, typer's command `course data`, a table's caption in rich, a key of functools.lru_cache, limits that cross as a dict
_.difficulty, _.listing, _.caption, _.caption_justify, _.hashed, _.file_mb, _.scratch_mb

# what only the template of `course report` reads
_.timeouts, _.help

# what only readers of results.json use
_.schema, _.memory_gb, _.arch

# html.parser, tarfile and pytest-xdist, in tests
_.handle_starttag, _.handle_data, _.linkname, _.loadscopereorder
